import { MIMEType } from 'node:util'
import { Busboy } from '@fastify/busboy'
import { LatchkeyError } from '../../../lib/errors.js'

/** Far more than any form for four fields has. Sizes are bytes. */
const LIMITS = { parts: 32, headerPairs: 8, headerSize: 1024, fieldSize: 8192, fileSize: 8192 }

/** RFC 2046, 5.1.1. Beyond some more the library throws. */
const BOUNDARY_MAX_LENGTH = 70

/** Stands for a file: no field here takes one. */
const FILE = Object.freeze({})

/**
 * Reads the fields of a `multipart/form-data` body (RFC 7578) as Django REST framework does: of a field that comes
 * twice the last one counts, a file counts before any text, and a part without a name is passed over. Bytes that are no
 * UTF-8 become U+FFFD, which readFields refuses. Other than in Django, a body without its closing boundary is refused: the
 * last field may have been cut.
 *
 * @throws LatchkeyError multipart_invalid
 */
export async function parseMultipart(body: Buffer, contentType: string): Promise<Record<string, unknown>> {
  const boundary = new MIMEType(contentType).params.get('boundary')
  if (!boundary) throw malformed('Invalid boundary in multipart: None')
  if (boundary.length > BOUNDARY_MAX_LENGTH) throw malformed('Invalid boundary in multipart: too long')
  if (body.length === 0) return {}
  const { texts, files } = await readParts(body, contentType)
  // Names are the client's own: `__proto__` is one like any other here, and a member of nothing else.
  return Object.fromEntries([...texts, ...files])
}

interface Parts {
  texts: Map<string, string>
  files: Map<string, object>
}

function readParts(body: Buffer, contentType: string): Promise<Parts> {
  return new Promise((resolve, reject) => {
    const parts: Parts = { texts: new Map(), files: new Map() }
    const form = new Busboy({
      headers: { 'content-type': contentType },
      limits: LIMITS,
      isPartAFile: (_name, _type, fileName) => Boolean(fileName),
    })
    form.on('field', (name: string | undefined, value, _nameWasCut, _valueWasCut, encoding) => {
      if (name === undefined) return
      parts.texts.set(name.trim(), encoding === 'base64' ? Buffer.from(value, 'base64').toString() : value)
    })
    form.on('file', (name: string | undefined, content) => {
      if (name !== undefined) parts.files.set(name.trim(), FILE)
      content.on('error', () => {}).resume()
    })
    form.on('partsLimit', () => reject(malformed(`More than ${LIMITS.parts} parts`)))
    form.on('error', () => reject(malformed('The closing boundary is missing')))
    form.on('finish', () => resolve(parts))
    form.end(body)
  })
}

function malformed(detail: string): LatchkeyError {
  return new LatchkeyError('multipart_invalid', { detail })
}
