import { render } from 'preact'
import { App } from './app.js'
import { takeLink } from './links.js'
import { root } from './page.js'

// Draws the page into its document.

const link = takeLink()
root.replaceChildren()
render(<App link={link} />, root)
