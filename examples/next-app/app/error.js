'use client'

/** Latchkey cannot be asked now. Nobody is signed out by that. */
export default function Unavailable({ reset }) {
  return (
    <button type="button" onClick={reset}>
      This page is not available now. Try again.
    </button>
  )
}
