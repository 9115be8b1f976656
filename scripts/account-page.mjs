import { resolve } from 'node:path'

// The account page for browsers: one script for each language, and one style sheet.

const root = resolve(import.meta.dirname, '..')
const LANGUAGES = ['en', 'fr', 'es']

/** The names of the files that {@link bundleAccountPage} writes. */
export const ACCOUNT_PAGE_FILES = [...LANGUAGES.map(language => `${language}.js`), 'page.css']

/** The options of esbuild that bundle the page into a folder. */
export function accountPageOptions(folder) {
  return {
    entryPoints: [...LANGUAGES.map(language => `src/account-page/${language}.ts`), 'src/account-page/page.css'],
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    // Browsers of the last three years, as for @latchkey/client.
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    alias: { '@latchkey/client': './packages/client/src/index.ts' },
    tsconfigRaw: {},
    logLevel: 'silent',
  }
}

/** Bundles the page into a folder. */
export async function bundleAccountPage(folder) {
  const { build } = await import('esbuild')
  await build(accountPageOptions(folder))
}
