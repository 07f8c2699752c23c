package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// maxClockJump is how far the wall clock may diverge from the monotonic clock before the process asks to be restarted. Waits for due work use the
// monotonic clock, so a cluster that was suspended, or started with a wrong clock, would wait too long. Five minutes is far more than a time
// service slews, and short compared to the hour that a credential lives.
const maxClockJump = 5 * time.Minute

// clockReading is one reading of both clocks.
type clockReading struct {
	wall      time.Time
	monotonic time.Duration
}

// readClocks reads both clocks; the monotonic one counts from the start of the process.
func readClocks() func() clockReading {
	start := time.Now()
	return func() clockReading {
		now := time.Now()
		// Sub uses the monotonic reading, Round(0) strips it.
		return clockReading{wall: now.Round(0), monotonic: now.Sub(start)}
	}
}

// clockJumpCheck is a livez check that fails once the wall clock has jumped, forwards or backwards. It keeps failing, so that the kubelet
// restarts the process, which then recomputes every due time.
func clockJumpCheck(read func() clockReading) healthz.Checker {
	start := read()
	return func(*http.Request) error {
		now := read()
		jump := now.wall.Sub(start.wall) - (now.monotonic - start.monotonic)
		if jump.Abs() > maxClockJump {
			return fmt.Errorf("the wall clock has jumped by %s since the start: a restart recomputes what is due", jump.Round(time.Second))
		}
		return nil
	}
}

// saidOnce logs why a check fails, once for each reason: controller-runtime's own log line has no reason, and repeats with each probe.
func saidOnce(log logr.Logger, name string, check healthz.Checker) healthz.Checker {
	var mu sync.Mutex
	said := ""
	return func(req *http.Request) error {
		err := check(req)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			log.Info("A health check fails", "check", name, "because", said)
		}
		return err
	}
}

// cacheSyncer is the part of a cache that a readyz check needs.
type cacheSyncer interface {
	WaitForCacheSync(ctx context.Context) bool
}

// cacheSyncedCheck is a readyz check that passes once the caches have synced. It remembers that, since caches do not become unsynced.
func cacheSyncedCheck(caches cacheSyncer) healthz.Checker {
	var mu sync.Mutex
	synced := false
	return func(req *http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if synced {
			return nil
		}
		// The kubelet's probes time out after a second by default.
		ctx, cancel := context.WithTimeout(req.Context(), 500*time.Millisecond)
		defer cancel()
		if synced = caches.WaitForCacheSync(ctx); !synced {
			return errors.New("the caches are not synced yet")
		}
		return nil
	}
}
