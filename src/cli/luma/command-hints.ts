/** What to do next, in commands: the API's own hints are requests. Its door and tables say which codes there are. */
import type { CommandHints } from '../exit.ts';

export const commandHints: CommandHints = {
  project_not_found: 'luma projects list shows which there are',
  project_exists: 'choose another name, or change that one: luma deploy <name>',
  project_stopped: 'start it first: luma start <name>',
  revision_not_found: 'luma revisions <name> shows which are kept',
  registry_not_found: 'luma registries list shows which there are',
  wake_timeout: 'see how far it is: luma events <name>',
  project_busy: 'try again when its requests have ended, or stop it: luma stop <name>',
  not_found: 'luma and the platform are of different versions: update the older one',
};
