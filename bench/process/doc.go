// Package process starts and ends the processes of a measurement: children that say when they are ready, never outlive
// their parent's wait, and whose memory can be read.
//
// It owns nothing about what they do. Begin reading at Start.
package process
