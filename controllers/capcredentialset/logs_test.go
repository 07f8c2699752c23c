package capcredentialset_test

import (
	"bytes"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// logs take everything that the controller logs, so that a failing test can show it and canaries can be searched for.
var logs logBuffer

type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func (b *logBuffer) tail(lines int) string {
	all := strings.Split(b.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// rounds is how many rounds there have been in this process.
func (b *logBuffer) rounds() int { return int(metric("controller_runtime_reconcile_total", nil)) }

// metric sums up the series of a metric that have the given labels.
func metric(name string, labels map[string]string) float64 {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return -1
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			for k, v := range labels {
				if has[k] != v {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}
