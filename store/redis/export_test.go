package redis

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// Watched is a Config whose connections are watched.
func (c Config) Watched(hook redis.Hook) Config {
	c.hook = hook
	return c
}

// Hurried is a Config with other times for one answer and for all tries.
func (c Config) Hurried(call, patience time.Duration) Config {
	c.call, c.patience = call, patience
	return c
}

// Pause is pause.
var Pause = pause
