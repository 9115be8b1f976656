import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../../docs/gateways.md', import.meta.url), 'utf8')

export type Place = 'Before your services' | 'Before Latchkey'

/** The ports of a test for the addresses in a documented configuration. */
export interface Addresses {
  listen: number
  latchkey: readonly [number, number]
  orders?: number
}

/**
 * A configuration of docs/gateways.md, with the ports of a test in place of its addresses.
 *
 * @param language - the language of the code block: `nginx`, `caddy` or `haproxy`
 */
export function documentedConfiguration(
  place: Place,
  language: string,
  { listen, latchkey, orders }: Addresses,
): string {
  let text = blockOf(place, language)
  // It refers to the instances that the other block names.
  if (text.includes('http://latchkey/') && place !== 'Before Latchkey')
    text = `${/^upstream .*?^}$/ms.exec(blockOf('Before Latchkey', language))}\n${text}`
  return text
    .replace(/^( *listen )80;/m, `$1127.0.0.1:${listen};`)
    .replace(/^( *bind ):80$/m, `$1127.0.0.1:${listen}`)
    .replace(/^:80 /m, `http://127.0.0.1:${listen} `)
    .replaceAll('latchkey-1:3000', `127.0.0.1:${latchkey[0]}`)
    .replaceAll('latchkey-2:3000', `127.0.0.1:${latchkey[1]}`)
    .replaceAll('orders:8000', `127.0.0.1:${orders}`)
}

function blockOf(place: Place, language: string): string {
  const section = page.split(/^## /m).find(text => text.startsWith(`${place}\n`))
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(section ?? '')?.[1]
  if (block === undefined) throw new Error(`docs/gateways.md has no block of ${language} under "${place}".`)
  return block
}
