import { redirect } from 'next/navigation'
import { session } from '../session.js'

const NUMBERS = Array.from({ length: 20 }, (_, index) => index + 1)

export default async function Page() {
  const { principal, refusal } = await session()
  // Another tab got a newer cookie while this request was on its way. The session continues.
  if (refusal === 'refresh_token_superseded') return <a href="/">Load this page again</a>
  if (!principal) redirect('/sign-in')
  return (
    <main>
      <h1>Twenty parts of a page</h1>
      {NUMBERS.map(number => (
        <Part key={number} number={number} />
      ))}
    </main>
  )
}

/** A part that calls another service for the user. */
async function Part({ number }) {
  const { accessToken, principal } = await session()
  // const answer = await fetch('http://orders:3001/orders', { headers: { authorization: `Bearer ${accessToken}` } })
  return (
    <p>
      Part {number}: {principal.userId}, with an access token of {accessToken.length} characters
    </p>
  )
}
