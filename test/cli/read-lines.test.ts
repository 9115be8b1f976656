import { Readable } from 'node:stream'
import t from 'tap'
import { readLines } from '../../src/cli/import-input.js'
import { ImportError } from '../../src/domain/import/import-error.js'

/** Reads lines from bytes that arrive in pieces of this size. */
async function linesOf(bytes: Buffer | string, pieceSize = 3): Promise<string[]> {
  const all = Buffer.from(bytes)
  const pieces = Array.from({ length: Math.ceil(all.length / pieceSize) }, (_, piece) =>
    all.subarray(piece * pieceSize, (piece + 1) * pieceSize),
  )
  const lines: string[] = []
  for await (const { number, text } of readLines(Readable.from(pieces)))
    lines.push(`${number} ${text instanceof ImportError ? `(${text.message})` : text}`)
  return lines
}

t.test('lines are read one by one, whatever the size of the pieces they arrive in', async t => {
  for (const pieceSize of [1, 2, 3, 5, 100]) {
    t.same(await linesOf('one\n\nthree ü\r\n4', pieceSize), ['1 one', '2 ', '3 three ü\r', '4 4'])
    t.same(await linesOf('one\n', pieceSize), ['1 one'])
  }
  t.same(await linesOf(''), [])
})

t.test('a byte order mark at the start of a file is not part of its first line', async t => {
  t.same(await linesOf('\uFEFF{}\n\uFEFF{}'), ['1 {}', '2 \uFEFF{}'])
})

t.test('a line that is not UTF-8 is reported, and the next one is read', async t => {
  const bytes = Buffer.concat([Buffer.from('one\n'), Buffer.of(0xff, 0xfe), Buffer.from('\nthree')])
  t.same(await linesOf(bytes), ['1 one', '2 (The line is not UTF-8.)', '3 three'])
})

t.test('an endless line does not fill the memory', async t => {
  const limit = 65_536
  const longest = 'x'.repeat(limit)
  const lines = await linesOf(`${longest}\n${longest}x\nthree\n${longest}xx`, 10_000)
  t.same(lines[0], `1 ${longest}`)
  t.same(lines.slice(1), [
    '2 (The line has more than 65536 bytes.)',
    '3 three',
    '4 (The line has more than 65536 bytes.)',
  ])

  async function* endless() {
    for (let piece = 0; piece < 3000; piece++) yield Buffer.alloc(limit, 'x')
  }
  const before = process.memoryUsage.rss()
  for await (const { text } of readLines(endless())) t.type(text, ImportError)
  t.ok(process.memoryUsage.rss() - before < 150 * 1024 * 1024, 'after 200 MB of one line')
})
