/**
 * Writes the files that the pages of docs/ show into them, so that the code on a page is the code that the tests run: a
 * block of code that follows a comment with the path of a file, `<!-- examples/verifying/jose.mjs -->`. With `--check` it
 * writes nothing and exits with 1 if a block differs from its file.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { writeOrCheck } from './generated-page.js'

const command = 'npx tsx scripts/include-code.ts'

const BLOCK = /^<!-- ((?:examples|deploy)\/[\w./-]+) -->\n```(\w+)\n[\s\S]*?^```$/gm

/** The page with the present content of each file that it shows. */
function withCode(page: string): string {
  return page.replaceAll(
    BLOCK,
    (_, path: string, language: string) =>
      `<!-- ${path} -->\n\`\`\`${language}\n${readFileSync(path, 'utf8').trimEnd()}\n\`\`\``,
  )
}

for (const name of readdirSync('docs').filter(name => name.endsWith('.md'))) {
  const page = readFileSync(`docs/${name}`, 'utf8')
  if (page.search(BLOCK) !== -1) writeOrCheck(`docs/${name}`, withCode(page), command)
}
