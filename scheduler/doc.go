// Package scheduler says which worker gets which job when, and what state a job is in.
//
// It owns three machines, all pure: time arrives as an argument, nothing waits, nothing is stored here.
//
//   - The job machine (job.go): the states of one job and the attempts made at it. Its facts are durable, written by the
//     lane that decides them.
//
//   - The [Fleet]: the workers as their heartbeats show them, the queues of attempts that wait for one, and the choice
//     of a worker for each. It is soft state. When it is lost, lanes announce their released attempts again, heartbeats
//     say which worker has what, and nothing is repeated that a worker still does.
//
//   - The [Limit] (limit.go): one concurrency limit, rate or budget, of which jobs hold something from before their release
//     until after their end. What is held and used up is durable; who waits asks again.
//
// It never sends anything and never decides whether a job may run: what reaches [Fleet.Announce] has been allowed and
// committed. A [Fleet] is not safe for concurrent use; whoever holds it locks it.
//
// How a worker is chosen: of those that may serve the topic, have every required capability and label, are alive, take work
// and have room, the preferred worker, else the least loaded of the preferred pool, else the least loaded of all
// (jobs + cpu/100 + gpu/100, the lower id on a tie). The choice reads the top of an index, so it costs the same in a
// fleet of ten and of ten thousand: workers that are alike form a group, which keeps those with room in order. Labels tell
// groups apart only while somebody asks for them.
//
// How an attempt waits: in a line with those of its topic, requirements, placement, tenant and priority. When a worker has
// room, tenants take turns by weight, a tenant's turn goes to its best line (age plus a head start by priority, so that
// nothing starves), and in a line fairness keys take turns. Waiting is woken by room (a result, a heartbeat, a returned attempt,
// a limit reached no more), never by a poll. A topic that nobody registered for has a voice that takes what waits for it:
// its queue group.
//
// Begin reading at [Fleet] in fleet.go (the calls), then choose.go (which worker), turn.go and line.go (which attempt), beat.go
// (what a heartbeat means), lease.go (what silence means), rules.go, pool.go and tenant.go (what is configured),
// destination.go (topics without workers), why.go (what is said of it). limits.go has every number.
package scheduler
