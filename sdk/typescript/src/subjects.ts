// Subjects of the wire. Those that begin with sys, job and worker are CAP's; cordum.… are Cordum's.

/** Carries JobCancel, from a scheduler to all workers. */
export const subjectCancel = "sys.job.cancel";
/** Carries JobProgress of an attempt that named no answer subject. */
export const subjectProgress = "sys.job.progress";
/** Carries JobResult of an attempt that named no answer subject. */
export const subjectResult = "sys.job.result";
/** Published by an engine that starts: every worker answers with a heartbeat at once. */
export const subjectAskJobs = "cordum.jobs.ask";

/** Where the attempts of one worker are sent. */
export const subjectWorkerJobs = (worker: string): string => `worker.${worker}.jobs`;
/** Carries the Heartbeat of one worker: with a credential of its own it may publish on no other's. */
export const subjectWorkerHeartbeat = (worker: string): string => `sys.heartbeat.${worker}`;
/** The same for Handshake. */
export const subjectWorkerHandshake = (worker: string): string => `sys.handshake.${worker}`;
/** Begins the reply subjects of one worker: with a credential of its own it may listen to no others. */
export const workerInbox = (worker: string): string => `_INBOX.${worker}`;

/** What protocol_version of a packet says: CAP v2 speaks wire version 1. */
export const protocolVersion = 1;

const forbidden = /[ \t\r\n*>]/;
// A lone surrogate has no UTF-8.
const lone = /\p{Surrogate}/u;

/** Says what is wrong with a topic; empty when it is one. */
export function topicProblem(topic: string): string {
  if (!topic.startsWith("job.") || forbidden.test(topic) || lone.test(topic)) {
    return `${JSON.stringify(topic)} is no topic: want job.<name>, no wildcards and no white space`;
  }
  if (topic.split(".").includes("")) return `${JSON.stringify(topic)} is no topic: it has an empty part`;
  return "";
}

/** Whether a text can be carried by a packet. */
export const isText = (s: string): boolean => !lone.test(s);
