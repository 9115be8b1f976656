import { defineConfig } from 'vite'

// start.mjs sets these variables. NOTES_URL and LATCHKEY_URL are only set if everything answers at one origin.
const { PAGE_PORT = '5173', LATCHKEY_URL, NOTES_URL } = process.env

export default defineConfig({
  // JSX without a plugin. @vitejs/plugin-react would add that a change of a component keeps the state of the page.
  esbuild: { jsx: 'automatic' },
  server: {
    port: Number(PAGE_PORT),
    strictPort: true,
    proxy: LATCHKEY_URL && { '/auth': LATCHKEY_URL, '/notes': NOTES_URL },
  },
  // The packages of Latchkey are links here, and must find the React of this page.
  resolve: { dedupe: ['react', 'react-dom'] },
})
