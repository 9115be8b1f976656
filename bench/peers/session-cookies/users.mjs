import { hash, verify } from '@node-rs/argon2'
import pg from 'pg'
import { range } from '../offer.mjs'

// A table of users, and a check of their passwords with argon2id, with the parameters of Latchkey. Neither library has one.

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const USERS = 1000

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
await pool.query('create table users (id int primary key, email text unique not null, password_hash text not null)')
const passwordHash = await hash(process.env.PASSWORD, PARAMETERS)
const emails = range(USERS).map(at => `person-${at}@example.com`)
await pool.query(
  'insert into users select number, email, $2 from unnest($1::text[]) with ordinality as given (email, number)',
  [emails, passwordHash],
)

export { emails }

/** The user with this e-mail and this password; undefined if there is none. */
export async function findUser(email, password) {
  const query = { name: 'find-user', text: 'select id, password_hash from users where email = $1', values: [email] }
  const [user] = (await pool.query(query)).rows
  return user && (await verify(user.password_hash, password)) ? { id: user.id, email } : undefined
}
