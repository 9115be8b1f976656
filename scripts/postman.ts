/**
 * Writes the collection for Postman, examples/postman/latchkey.postman_collection.json, with a request for every route
 * of every dialect. With `--check` it writes nothing and exits with 1 if the file is out of date.
 */
import { describeApi } from './describe-api.js'
import { writeOrCheck } from './generated-page.js'
import { collectionOf } from './postman/collection.js'
import type { Document } from './postman/operations.js'

const document = (await describeApi({ DIALECTS: 'simple-jwt,sessions,envelope' })) as Document

writeOrCheck(
  'examples/postman/latchkey.postman_collection.json',
  `${JSON.stringify(collectionOf(document), undefined, 2)}\n`,
  'npm run docs',
)
