/** The door of telemetry: logs, files of lines, metrics as text, and the standard streams. */
export { EXPOSITION_TYPE, Exposition, type Labels } from './exposition.ts';
export { LineFile, type LineFileOptions } from './line-file.ts';
export { createLog, type LogFormat, type LogLevel, type LogOptions } from './log.ts';
export { guardStandardStreams, type StandardStreams } from './standard-streams.ts';
