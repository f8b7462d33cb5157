// Package deploy has no code, only what others run Cordum with: an image, and several processes over NATS and Redis, as containers
// (compose.yaml) or on one machine (scripts/local-cluster).
//
// It never says what the settings mean: that is docs/replicas.md. Begin reading with README.md; the tests hold the two ways of
// starting the processes together, and run the second.
package deploy
