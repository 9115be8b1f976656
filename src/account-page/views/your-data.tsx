import { Button } from '../elements.js'
import { Failed } from '../failed.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'
import { useAction } from '../use-action.js'

/** What a person does with the whole account. */
export function YourData({ onDelete }: { onDelete: (() => void) | undefined }) {
  const { isBusy, failure, run } = useAction()
  return (
    <section aria-labelledby="data">
      <h2 id="data" tabIndex={-1}>
        {texts.yourData}
      </h2>
      <Failed failure={failure} />
      <div class="buttons">
        <Button isBusy={isBusy} onClick={() => run(download)}>
          {texts.download}
        </Button>
        {onDelete && (
          <Button class="danger" onClick={onDelete}>
            {texts.deleteAccount}
          </Button>
        )}
      </div>
    </section>
  )
}

/** Saves the export as a file. A link to its address would send no access token. */
async function download(): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await (await request('GET', '/auth/profile/export')).blob())
  link.download = `account-${new Date().toISOString().slice(0, 10)}.json`
  link.click()
  URL.revokeObjectURL(link.href)
}
