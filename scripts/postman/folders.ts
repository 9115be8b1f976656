import { otherFolders } from './other-apis.js'
import { administrationFolders, clientFolders } from './services.js'
import type { Folder } from './step.js'
import { lastFolder, letters, passwords, userFolders } from './users.js'

/** The folders of the collection, in the order of a run. */
export const folders: readonly Folder[] = [
  ...userFolders,
  ...clientFolders,
  passwords,
  letters,
  ...administrationFolders,
  ...otherFolders,
  lastFolder,
]
