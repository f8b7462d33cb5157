// Package alike is run with the runtime of package order.
package alike

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// turn is which way one turn of a game went.
type turn struct {
	begun, ready, fired int // which of two came first
	drawn               uint64
}

// play does again and again what the runtime leaves to chance, and answers which way it went. between is done before each turn.
func play(t *testing.T, between func()) (way []turn) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(*testing.T) {
		one, two, begun, fired := make(chan int, 1), make(chan int, 1), make(chan int, 2), make(chan int, 2)
		for range 100 {
			go func() { begun <- 1 }()
			go func() { begun <- 2 }()
			between()
			now := turn{begun: <-begun}
			<-begun
			one <- 1
			two <- 2
			select {
			case now.ready = <-one:
				<-two
			case now.ready = <-two:
				<-one
			}
			time.AfterFunc(time.Second, func() { fired <- 1 })
			time.AfterFunc(time.Second, func() { fired <- 2 })
			now.fired = <-fired
			<-fired
			now.drawn = rand.Uint64()
			way = append(way, now)
		}
	})
	return way
}

// walk makes a map and answers where walking through it begins.
func walk() int {
	numbers := map[int]bool{}
	for i := range mapSize {
		numbers[i] = true
	}
	for i := range numbers {
		return i
	}
	return 0
}

// mapSize is how much a map has that is not hashed.
const mapSize = 8

// TestMapsDecideNothing: what a game does with maps does not decide which way it goes. Libraries make some only once in a process.
func TestMapsDecideNothing(t *testing.T) {
	without := play(t, func() {})
	with := play(t, func() {
		walk()
		var shared sync.Map
		shared.Store(1, 1)
	})
	if !slices.Equal(without, with) {
		t.Errorf("it went\n%v\nand with maps\n%v", without, with)
	}
}

// TestOutsideDecidesNothing: who wakes up outside of a game does not decide which way it goes.
func TestOutsideDecidesNothing(t *testing.T) {
	bell := make(chan int)
	defer close(bell)
	go func() {
		for range bell {
		}
	}()
	without := play(t, func() {})
	if with := play(t, func() { bell <- 1 }); !slices.Equal(without, with) {
		t.Errorf("it went\n%v\nand with somebody who woke up\n%v", without, with)
	}
}

// TestManyWays: what the runtime leaves to chance goes each way in the end.
func TestManyWays(t *testing.T) {
	ready, fired, begun, drawn := map[int]bool{}, map[int]bool{}, map[int]bool{}, map[uint64]bool{}
	way := play(t, func() { begun[walk()] = true })
	for _, now := range way {
		ready[now.ready], fired[now.fired], drawn[now.drawn] = true, true, true
	}
	if len(ready) != 2 || len(fired) != 2 || len(begun) != mapSize || len(drawn) != len(way) {
		t.Errorf("channels %v, timers %v, maps %v, %d numbers of %d", ready, fired, begun, len(drawn), len(way))
	}
}
