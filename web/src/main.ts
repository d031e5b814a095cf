// The door of the app: fonts and styles first, then the app itself.
import '@fontsource-variable/inter/wght.css'
import './style/tokens.css'
import './style/base.css'
import { mount } from 'svelte'
import App from './App.svelte'

export default mount(App, { target: document.getElementById('app')! })
