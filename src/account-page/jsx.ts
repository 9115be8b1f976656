// The compiler puts this into every file with markup.
export { Fragment, h } from 'preact'
