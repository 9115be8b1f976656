'use client'

export default function SignIn() {
  async function signIn(event) {
    event.preventDefault()
    const body = JSON.stringify(Object.fromEntries(new FormData(event.target)))
    const headers = { 'content-type': 'application/json' }
    const { ok } = await fetch('/auth/login', { method: 'POST', headers, body })
    if (ok) window.location.assign('/')
  }
  return (
    <form onSubmit={signIn}>
      <input name="email" type="email" autoComplete="username" required />
      <input name="password" type="password" autoComplete="current-password" required />
      <button type="submit">Sign in</button>
    </form>
  )
}
