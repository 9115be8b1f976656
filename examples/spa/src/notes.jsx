import { useRef } from 'react'
import { Ago } from './ago.jsx'
import { useNotes } from './use-notes.js'

export function Notes() {
  const { notes, isRunning, problem, load, add, remove } = useNotes()
  const form = useRef(null)

  async function submit(event) {
    event.preventDefault()
    const text = new FormData(form.current).get('text').trim()
    if (text && (await add(text))) form.current?.reset()
  }

  return (
    <section className="card" aria-labelledby="notes">
      <h2 id="notes">Your notes</h2>
      <form className="add" ref={form} onSubmit={submit}>
        <input name="text" aria-label="A new note" placeholder="Write a note" maxLength={500} autoComplete="off" />
        <button type="submit" className="primary" disabled={isRunning}>
          Add
        </button>
      </form>
      {problem && (
        <p className="problem" role="alert">
          {problem}{' '}
          {!notes && (
            <button type="button" className="link" onClick={load}>
              Try again
            </button>
          )}
        </p>
      )}
      {notes?.length === 0 && <p className="quiet">No notes yet.</p>}
      <ul className="notes">
        {notes?.map(({ id, text, created_at }) => (
          <li key={id}>
            <span className="grow">
              {text}
              <small>
                <Ago at={created_at} />
              </small>
            </span>
            <button type="button" className="small" aria-label={`Delete: ${text}`} onClick={() => remove(id)}>
              Delete
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
