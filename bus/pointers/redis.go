package pointers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis keeps values in a Redis of the operator's, where plain CAP workers look for them. It is safe for concurrent use.
type Redis struct {
	client redis.UniversalClient
}

// silence is where the client's library writes; what goes wrong comes back as an error.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// NewRedis uses the servers that options name: one, those behind Sentinels, or a cluster. Its waits are set here. Nothing is
// connected yet.
func NewRedis(options *redis.UniversalOptions) *Redis {
	redis.SetLogger(silence{}) // of the whole process
	o := *options
	o.DialTimeout = dialTimeout
	o.ReadTimeout, o.WriteTimeout = callTimeout, callTimeout
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true // CLIENT SETINFO is unknown before Redis 7.2
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Redis{client: redis.NewUniversalClient(&o)}
}

// Ping tells whether Redis answers.
func (r *Redis) Ping(ctx context.Context) error {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("pointers: Redis does not answer: %w", err)
	}
	return nil
}

// Put keeps a value for a time; 0 is [TTL].
func (r *Redis) Put(ctx context.Context, key string, data []byte, ttl time.Duration) error {
	if len(data) > MaxValue {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(data))
	}
	if ttl <= 0 {
		ttl = TTL
	}
	if err := r.client.Set(ctx, key, data, ttl).Err(); err != nil {
		return fmt.Errorf("pointers: write %.64q: %w", key, err)
	}
	return nil
}

// Get answers a value and whether there is one: an empty one counts as none. Of a value with more than so many bytes come one
// more than that.
func (r *Redis) Get(ctx context.Context, key string, most int) ([]byte, bool, error) {
	data, err := r.client.GetRange(ctx, key, 0, int64(most)).Bytes()
	if redis.HasErrorPrefix(err, "WRONGTYPE") { // a worker names what it likes
		return nil, false, nil
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, false, fmt.Errorf("pointers: read %.64q: %w", key, err)
	}
	return data, len(data) > 0, nil
}

// Done leaves values to their time: others may look at what a job was asked and answered, as CAP has it.
func (r *Redis) Done(...string) {}

// Close ends its connections.
func (r *Redis) Close() error { return r.client.Close() }
