import { readFileSync, writeFileSync } from 'node:fs'
import { type FeedVectors, makeVectors } from './make-vectors.js'

// Writes the test vectors of docs/feed.md: npx tsx test/vectors/make.ts

const earlier = readEarlier()
for (const [name, content] of Object.entries(makeVectors(earlier)))
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(content, undefined, 2)}\n`)

function readEarlier(): string[] {
  try {
    const { tokens }: FeedVectors = JSON.parse(readFileSync(new URL('feed.json', import.meta.url), 'utf8'))
    return tokens.map(({ token }) => token)
  } catch {
    return []
  }
}
