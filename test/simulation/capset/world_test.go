package capset

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	simcap "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"

	corev1 "k8s.io/api/core/v1"
)

func TestMain(m *testing.M) { history.Main(m) }

const (
	portalHost = "cap.example.com"
	proxyURL   = "http://proxy.example.com:3128"
	canary     = "CAP-CANARY"
	// foreignSecret is part of each content that somebody else writes.
	foreignSecret = "FOREIGN-CANARY"
)

// roles are those of the portal; unknownRole is not.
var (
	roles       = []string{"r0", "r1", "r2"}
	unknownRole = "r9"
)

// world is a history: the portal, a cluster, and what has happened.
type world struct {
	*stage.World
	portal   *simcap.Sim
	cluster  *cluster
	creates  bool // people let the operator create Secrets
	adopts   bool // and take over what others have put there
	sts      v1alpha1.STSPolicy
	proxy    string        // that people want for the portal
	crowd    int           // Secrets that the set of one's own names beside one
	maxSleep time.Duration // between two rounds

	down, expired bool // the portal
	onlyNew       bool // it speaks no TLS before 1.3
	stsAway       bool
	proxyDown     bool
}

func pick[T any](w *world, of ...T) T { return stage.Pick(w, of...) }

var (
	must    = stage.Must
	quietly = stage.Quietly
)

// authority and portalCertificate are expensive, and the same for all.
var (
	authority         = stage.NewAuthority()
	portalCertificate = newPortalCertificate()
)

func newPortalCertificate() *x509.Certificate {
	pair, err := authority.Server(portalHost)
	must(err)
	return leafOf(pair)
}

func leafOf(pair tls.Certificate) *x509.Certificate {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	must(err)
	return leaf
}

// begin makes a world in order.
func begin(seed uint64, broken *stage.Mutation, count *history.Tally) (*stage.World, stage.Play) {
	w := &world{World: stage.NewWorld(seed, broken, count)}
	var err error
	w.portal, err = simcap.New(simcap.Options{
		CA: authority, Agency: "A", Mission: "M", Canary: canary, Hosts: []string{portalHost},
		Roles: map[string]string{roles[0]: "111111111111", roles[1]: "222222222222", roles[2]: "333333333333"},
	})
	must(err)
	w.creates, w.adopts, w.maxSleep = !w.Odds(3), !w.Odds(3), pick(w, 30*time.Second, 2*time.Minute, 2*time.Minute, 2*time.Minute)
	w.sts, w.proxy = pick(w, v1alpha1.STSOff, v1alpha1.STSOff, v1alpha1.STSBestEffort, v1alpha1.STSRequired), pick(w, "", "", proxyURL)
	if w.Odds(50) {
		w.crowd = pick(w, 60, 260) // more than a status lists: of fresh ones, or of any
	}
	w.cluster = newCluster(w)
	return w.World, w
}

func run(broken *stage.Mutation) history.Run { return stage.Run(begin, broken) }

// truth is what AWS knows of a Secret's content.
type truth struct {
	key, role       string
	issued, expires time.Time
	alive           bool
}

func (w *world) truth(s *corev1.Secret) truth {
	if s == nil {
		return truth{}
	}
	c, err := awscreds.Parse(s.Data)
	if err != nil {
		return truth{}
	}
	secret, token, arn, expires, ok := w.portal.Lookup(c.AccessKeyID)
	if !ok || secret != c.SecretAccessKey || token != c.SessionToken {
		return truth{key: c.AccessKeyID}
	}
	_, role, _ := strings.Cut(arn, ":role/")
	is := truth{key: c.AccessKeyID, role: role, expires: expires, alive: expires.After(time.Now())}
	for _, key := range w.portal.Keys() {
		if key.AccessKeyID == c.AccessKeyID {
			is.issued = key.Issued
		}
	}
	return is
}
