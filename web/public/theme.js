// Sets the theme before the first paint; a file of its own since the page allows no inline script.
;(function () {
  var choice = 'system'
  try {
    choice = localStorage.getItem('dothi.theme') || 'system'
  } catch (error) {
    // storage is forbidden: the system's theme is used
  }
  var dark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
