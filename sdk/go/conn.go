package cordum

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus/wire"
)

// connect makes the worker's connection, or takes the one it was given. A server that is not there is waited for.
func (cfg WorkerConfig) connect() (conn *nats.Conn, done func(), err error) {
	if cfg.Conn != nil {
		return cfg.Conn, func() {}, nil
	}
	log := cfg.Logger
	opts := []nats.Option{
		nats.Name("cordum worker " + cfg.ID),
		nats.CustomInboxPrefix(wire.WorkerInbox(cfg.ID)), // the only one that a worker with a credential of its own may listen to
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("connected again") }),
		nats.ReconnectErrHandler(quietly(log.With("url", withoutUsers(cfg.URL)))),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil {
				log.Error("subscription failed", "subject", sub.Subject, "error", err)
				return
			}
			log.Error("connection failed", "error", err)
		}),
	}
	if cfg.Credential != "" {
		opts = append(opts, nats.UserInfo(cfg.ID, cfg.Credential))
	}
	if cfg.User != "" {
		opts = append(opts, nats.UserInfo(cfg.User, cfg.Password))
	}
	if cfg.Token != "" {
		opts = append(opts, nats.Token(cfg.Token))
	}
	conn, err = nats.Connect(cfg.URL, append(opts, cfg.Options...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("cordum: cannot connect to %s: %w", withoutUsers(cfg.URL), withoutAddress(err))
	}
	return conn, conn.Close, nil
}

// quietly reports why a connection cannot be made when the reason changes, not at every try. The client library calls
// it from one goroutine.
func quietly(log *slog.Logger) nats.ConnErrHandler {
	var last string
	return func(_ *nats.Conn, err error) {
		if text := err.Error(); text != last {
			last = text
			log.Warn("cannot connect, trying on", "error", err)
		}
	}
}

// withoutUsers takes users, passwords and tokens out of the addresses of servers.
func withoutUsers(servers string) string {
	all := strings.Split(servers, ",")
	for i, server := range all {
		server = strings.TrimSpace(server)
		scheme, _, named := strings.Cut(server, "://")
		all[i] = server[strings.LastIndexByte(server, '@')+1:]
		if named && len(all[i]) < len(server) {
			all[i] = scheme + "://" + all[i]
		}
	}
	return strings.Join(all, ",")
}

// withoutAddress replaces the error of an address that cannot be read: it quotes the address, or the part with the password.
func withoutAddress(err error) error {
	if wrong := (*url.Error)(nil); errors.As(err, &wrong) {
		return errors.New("this is no address: write it like nats://HOST:4222, and what a URL does not take with %")
	}
	return err
}

func reconnectDelay(attempts int) time.Duration {
	wait := reconnectMax
	if attempts < 5 {
		wait = min(reconnectMin<<max(attempts-1, 0), reconnectMax)
	}
	return wait - rand.N(wait/5)
}
