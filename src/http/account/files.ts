import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { logoType } from '../../config/account-logo.js'
import { codeOf } from '../../lib/error-facts.js'
import { colourRules, defaultLogo } from './colours.js'
import { type FileNames, LANGUAGES, type PageSettings } from './document.js'

/** A file of the page, in memory. */
export interface File {
  type: keyof typeof MEDIA_TYPES
  mediaType: string
  content: Buffer
  /** Compressed once, when the first browser asks for it. */
  compressed(encoding: 'br' | 'gzip'): Promise<Buffer>
}

const MEDIA_TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
}

export function fileOf(type: File['type'], content: Buffer): File {
  const made = new Map<string, Promise<Buffer>>()
  const make = {
    br: () => promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
    gzip: () => promisify(gzip)(content, { level: 9 }),
  }
  return {
    type,
    mediaType: MEDIA_TYPES[type],
    content,
    compressed(encoding) {
      const known = made.get(encoding) ?? make[encoding]()
      made.set(encoding, known)
      return known
    },
  }
}

/** The files of the page by their names, which contain a hash. */
export interface Files extends FileNames {
  /** The file with this name, also if the hash is that of another version. */
  find(name: string): { name: string; file: File } | undefined
}

/** dist/account-page/, from src/http/account and from dist/http/account. The build writes it. */
const FOLDER = new URL('../../../dist/account-page/', import.meta.url)

/** Reads the files when the first browser asks for the page. */
export function filesOf(settings: Pick<PageSettings, 'color' | 'logo'>): () => Promise<Files> {
  let reading: Promise<Files> | undefined
  return () => {
    reading ??= read(settings).catch(error => {
      reading = undefined
      throw error
    })
    return reading
  }
}

async function read({ color, logo }: Pick<PageSettings, 'color' | 'logo'>): Promise<Files> {
  const [styles, scripts, picture] = await Promise.all([
    built('page.css'),
    Promise.all(LANGUAGES.map(language => built(`${language}.js`))),
    logo === undefined ? Buffer.from(defaultLogo(color)) : readFile(logo),
  ])
  const files = new Map<string, { name: string; file: File }>()
  function add(name: string, file: File): string {
    const hash = createHash('sha256').update(file.content).digest('base64url').slice(0, 10)
    const full = `${name}-${hash}.${file.type}`
    files.set(`${name}.${file.type}`, { name: full, file })
    return full
  }
  const names = {
    style: add('page', fileOf('css', Buffer.concat([Buffer.from(colourRules(color)), styles]))),
    logo: add('logo', fileOf(logoType(picture) ?? 'svg', picture)),
    scripts: Object.fromEntries(
      LANGUAGES.map((language, i) => [language, add(language, fileOf('js', scripts[i]!))]),
    ) as Files['scripts'],
  }
  return { ...names, find: name => files.get(name.replace(/-[\w-]{10}\.(?=\w+$)/, '.')) }
}

function built(name: string): Promise<Buffer> {
  const path = fileURLToPath(new URL(name, FOLDER))
  return readFile(path).catch(error => {
    throw new Error(`The account page is not built (${path}: ${codeOf(error)}): run "npm run build".`)
  })
}
