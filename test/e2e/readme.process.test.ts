/** The README's commands with local processes. */
import { describeReadme } from './readme.ts';

describeReadme({ runtime: 'process', prepare: async () => ({}), cleanUp: async () => {} });
