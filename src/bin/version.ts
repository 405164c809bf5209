/** Luma's version: package.json is its one home. */
import manifest from '../../package.json' with { type: 'json' };

export const version: string = manifest.version;
