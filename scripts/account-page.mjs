import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

// The account page for browsers: one script for each language, and one style sheet.

const root = resolve(import.meta.dirname, '..')
const LANGUAGES = ['en', 'fr', 'es']

/** The names of the files that {@link bundleAccountPage} writes. */
export const ACCOUNT_PAGE_FILES = [...LANGUAGES.map(language => `${language}.js`), 'page.css']

/** The options of esbuild for each bundle of the page, which it writes into a folder. */
export function accountPageOptions(folder) {
  const options = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    // Browsers of the last three years, as for @latchkey/client.
    target: 'es2022',
    charset: 'utf8',
    // Shorter than the automatic calls, which name the children of every element.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: ['src/account-page/jsx.ts'],
    alias: { '@latchkey/client': './packages/client/src/index.ts' },
    tsconfigRaw: {},
    logLevel: 'silent',
  }
  return [
    { ...options, entryPoints: ['src/account-page/page.css'] },
    ...LANGUAGES.map(language => ({
      ...options,
      entryPoints: { [language]: 'src/account-page/start.tsx' },
      plugins: [textsIn(language)],
    })),
  ]
}

/**
 * Puts the texts of another language in place of the English ones, which the page imports. Their names are then as short as
 * those of every other constant in the bundle.
 */
function textsIn(language) {
  const path = resolve(root, `src/account-page/texts/${language}.ts`)
  return {
    name: 'texts',
    setup(build) {
      build.onLoad({ filter: /account-page.texts.en\.ts$/ }, async () => ({
        contents: await readFile(path, 'utf8'),
        loader: 'ts',
        watchFiles: [path],
      }))
    },
  }
}

/** Bundles the page into a folder. */
export async function bundleAccountPage(folder) {
  const { build } = await import('esbuild')
  await Promise.all(accountPageOptions(folder).map(build))
}
