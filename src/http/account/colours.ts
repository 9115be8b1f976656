import { readableOn } from '../../lib/contrast.js'

/** The lighter ground of the dark theme, from src/account-page/page.css. */
const DARK_CARD = '#1a2120'

/** The colours of the operator for both themes. The text on them is white, or the ground of the dark theme. */
export function colourRules(color: string): string {
  const dark = darkThemeColour(color)
  return (
    `:root{--accent:${color};--on-accent:#fff}` +
    `@media (prefers-color-scheme:dark){:root{--accent:${dark};--on-accent:#0c1110}}\n`
  )
}

/** Light enough to be read on the dark page, and for dark text on it. */
export function darkThemeColour(color: string): string {
  return readableOn(DARK_CARD, brightened(color), '#ffffff', 6)
}

/** The same hue with more light, so that little white has to be mixed in, which would make it grey. */
function brightened(color: string): string {
  const channels = [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16))
  const factor = Math.max(1, 176 / Math.max(...channels, 1))
  return `#${channels
    .map(channel =>
      Math.round(channel * factor)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}

/** A key, in place of a logo of the operator. */
export function defaultLogo(color: string): string {
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">' +
    `<style>g{stroke:${color}}@media (prefers-color-scheme:dark){g{stroke:${darkThemeColour(color)}}}</style>` +
    '<g fill="none" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">' +
    '<circle cx="10" cy="16" r="6"/><path d="M16 16h13v5M23 16v4"/></g></svg>'
  )
}
