package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// ledger reports the requests to each service since it was last read.
type ledger struct {
	w *world
	// read are the counters as they were then, by service and request.
	read map[string]map[string]int
}

func newLedger(w *world) ledger { return ledger{w: w, read: map[string]map[string]int{}} }

// The services of the ledger.
const (
	serviceOCM        = "OCM"
	serviceRegistries = "registries"
	serviceCAP        = "CAP"
	serviceSTS        = "STS"
	serviceAPI        = "API server"
)

// counts are the current counters of a service.
func (l *ledger) counts(service string) map[string]int {
	counts := map[string]int{}
	switch service {
	case serviceOCM:
		return l.w.ocm.Counts()
	case serviceRegistries:
		for _, host := range registry.Hosts {
			for _, login := range l.w.registries.Logins(host) {
				if login.Accepted {
					counts["login at "+host]++
				} else {
					counts["refused login at "+host]++
				}
			}
			if n := l.w.registries.Count(host, registry.EndpointManifest); n > 0 {
				counts["manifest of "+host] = n
			}
		}
	case serviceCAP:
		for role, n := range l.w.cap.Counts().ByRole {
			counts["role "+role] = n
		}
	case serviceSTS:
		counts["GetCallerIdentity"] = l.w.sts.Counts().Requests
	case serviceAPI:
		for _, r := range l.w.api.Writes() {
			counts[r.String()]++
		}
	}
	return counts
}

// since returns the requests since the last call.
func (l *ledger) since(service string) map[string]int {
	now := l.counts(service)
	news := map[string]int{}
	for request, n := range now {
		if n -= l.read[service][request]; n > 0 {
			news[request] = n
		}
	}
	l.read[service] = now
	return news
}

// tell prints the requests to the services since the last time.
func (l *ledger) tell(services ...string) {
	for _, service := range services {
		if news := l.since(service); len(news) > 0 {
			l.w.tell.line(asked, "%s: %s", service, list(news))
		}
	}
}

// list is such as "2 × GET x, POST y".
func list(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return strings.Compare(order(a), order(b))
	})
	words := make([]string, 0, len(names))
	for _, name := range names {
		if n := counts[name]; n > 1 {
			name = fmt.Sprintf("%d × %s", n, name)
		}
		words = append(words, name)
	}
	return strings.Join(words, ", ")
}

// order sorts OCM's requests in the order of a rotation, and all others by name.
func order(request string) string {
	for i, op := range []string{ocm.OpToken, ocm.OpCurrentAccount, ocm.OpSubscriptions, ocm.OpListRotations, ocm.OpAccessToken, ocm.OpPostRotation} {
		if op == request {
			return fmt.Sprintf("%d", i)
		}
	}
	return "x" + request
}

// skip drops the demo's own requests.
func (l *ledger) skip(service string) { l.read[service] = l.counts(service) }
