// The time machine for pages: `timeMachine.at` is the instant in milliseconds (null: now), `.query` what calls add.
export { atOf, atText, nextInstant, SPANS, SPEEDS } from './instant'
export { pastCity } from './past_city.svelte'
export { timeMachine } from './time.svelte'
