/** Express 4, under another name than Express 5. What the tests use has the same types. */
declare module 'express4' {
  import express from 'express'
  export default express
}
