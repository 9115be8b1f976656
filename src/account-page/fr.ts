import { start } from './start.js'
import { fr } from './texts/fr.js'

start(fr)
