import { headers } from 'next/headers'
import { cache } from 'react'
import { sessionOf } from './latchkey.js'

/** The session of the request that is being rendered. All components of a page share one question. */
export const session = cache(async () => sessionOf(await headers()))
