package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// patience is the timeout of one fill or refresh, on a busy machine.
	patience = 20 * time.Minute
	// calm is the wait after a turn's work, so that late work such as statuses and events is counted.
	calm = 3 * time.Second
	// idle is how long the servers' own cost is measured.
	idle = 5 * time.Second
)

// phase is a part of a turn.
type phase string

const (
	fill    phase = "first fill"
	refresh phase = "refresh"
)

// cost is the cost of one phase.
type cost struct {
	wall time.Duration
	// cpu of the program, of kube-apiserver and of etcd; the idle cost of the latter two is subtracted.
	cpu map[string]time.Duration
	// requests to the API server by verb and resource, and requests and connections to CAP.
	requests           map[string]int
	calls, connections int
}

// own is the key of the program itself.
const own = "program"

// all is the CPU time of all three.
func (c cost) all() time.Duration {
	var sum time.Duration
	for _, d := range c.cpu {
		sum += d
	}
	return sum
}

// turn is a program's cost in one turn.
type turn struct {
	costs map[phase][]cost
	// steady and peak memory, in bytes.
	steady, peak int64
}

// compare runs each program in turn. The order changes from round to round. A first turn, which warms the servers up, does not count.
func (s *scene) compare(ctx context.Context, all []program, c config) (map[string][]turn, error) {
	base, err := s.idleRate(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.turn(ctx, all[0], 0, base); err != nil {
		return nil, fmt.Errorf("warming up: %w", err)
	}
	results := map[string][]turn{}
	for round := range c.rounds {
		order := slices.Clone(all)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, p := range order {
			t, err := s.turn(ctx, p, c.refreshes, base)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			s.say("round %d, %s: %s", round+1, p.name, t.words())
			results[p.name] = append(results[p.name], t)
		}
	}
	return results, nil
}

// idleRate is each server's CPU use without requests.
func (s *scene) idleRate(ctx context.Context) (map[string]float64, error) {
	if err := pause(ctx, idle); err != nil {
		return nil, err
	}
	before, err := clocks(s.servers)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pause(ctx, idle); err != nil {
		return nil, err
	}
	after, err := clocks(s.servers)
	rates := map[string]float64{}
	for name := range before {
		rates[name] = float64(after[name]-before[name]) / float64(time.Since(began))
	}
	return rates, err
}

func (s *scene) turn(ctx context.Context, p program, refreshes int, base map[string]float64) (t turn, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	process, err := p.start(ctx, s)
	if err != nil {
		return t, err
	}
	defer func() {
		err = errors.Join(err, process.stop(context.WithoutCancel(ctx)))
		if err == nil {
			err = s.empty(ctx)
		}
	}()
	if err := pause(ctx, calm); err != nil {
		return t, err
	}
	t.costs = map[phase][]cost{}
	for i := range 1 + refreshes {
		what := refresh
		if i == 0 {
			what = fill
		}
		c, err := s.measure(ctx, process, what, base)
		if err != nil {
			return t, err
		}
		t.costs[what] = append(t.costs[what], c)
	}
	if err := pause(ctx, idle); err != nil {
		return t, err
	}
	t.steady, t.peak, err = memory(process.pid())
	return t, err
}

// measure asks for work, and counts until the program is idle again.
func (s *scene) measure(ctx context.Context, p process, what phase, base map[string]float64) (c cost, err error) {
	pids := map[string]int{own: p.pid()}
	for name, pid := range s.servers {
		pids[name] = pid
	}
	asked, err := s.requests(ctx)
	if err != nil {
		return c, err
	}
	s.cap.ResetCounts()
	s.watch.mark()
	before, err := clocks(pids)
	if err != nil {
		return c, err
	}
	began := time.Now()
	if err := errors.Join(s.ask(ctx, what), p.begin(ctx, what)); err != nil {
		return c, err
	}
	done, err := s.watch.wait(ctx, p.exited())
	if err != nil {
		return c, err
	}
	c.wall = done.Sub(began)
	if err := pause(ctx, calm); err != nil {
		return c, err
	}
	after, err := clocks(pids)
	if err != nil {
		return c, err
	}
	window := time.Since(began)
	c.cpu = map[string]time.Duration{}
	for name := range pids {
		c.cpu[name] = max(0, after[name]-before[name]-time.Duration(base[name]*float64(window)))
	}
	counts := s.cap.Counts()
	c.calls, c.connections = counts.Requests, counts.Connections
	if c.requests, err = s.requests(ctx); err != nil {
		return c, err
	}
	for what, n := range asked {
		if c.requests[what] -= n; c.requests[what] == 0 {
			delete(c.requests, what)
		}
	}
	return c, p.rest(ctx)
}

// clocks reads the clocks of processes.
func clocks(pids map[string]int) (map[string]time.Duration, error) {
	all := map[string]time.Duration{}
	for name, pid := range pids {
		d, err := cpu(pid)
		if err != nil {
			return nil, err
		}
		all[name] = d
	}
	return all, nil
}

// pause waits. Time is what is measured here; nothing depends on it for correctness.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
