import { defineConfig } from 'drizzle-kit'

/** `npx drizzle-kit generate --name what-changed` writes the next migration from src/postgres/schema/. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/postgres/schema/*.ts',
  out: './drizzle',
  casing: 'snake_case',
})
