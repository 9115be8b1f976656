import { useSession } from '@latchkey/client/react'
import { useCallback, useEffect, useState } from 'react'
import { NOTES_URL } from './latchkey.js'
import { useAction } from './use-action.js'

/** The notes of the user, in the second service. */
export function useNotes() {
  const { fetch } = useSession()
  const { run, isRunning, problem } = useAction()
  const [notes, setNotes] = useState()

  const call = useCallback(
    async (method, path, body) => {
      const headers = body && { 'content-type': 'application/json' }
      const response = await fetch(NOTES_URL + path, { method, headers, body: body && JSON.stringify(body) })
      // After a 401 that a newer token does not change, the user is null, and the page shows the sign-in form.
      if (!response.ok) throw new Error(`The notes cannot be used now (${response.status}). Try again in a moment.`)
      return response.status === 204 ? undefined : response.json()
    },
    [fetch],
  )

  const load = useCallback(() => run(async () => setNotes(await call('GET', '/notes'))), [call, run])
  useEffect(() => {
    void load()
  }, [load])

  return {
    notes,
    isRunning,
    problem,
    load,
    /** Resolves with the note, or with undefined if it was refused. */
    add: text =>
      run(async () => {
        const note = await call('POST', '/notes', { text })
        setNotes((notes = []) => [note, ...notes])
        return note
      }),
    remove: id =>
      run(async () => {
        await call('DELETE', `/notes/${id}`)
        setNotes((notes = []) => notes.filter(note => note.id !== id))
      }),
  }
}
