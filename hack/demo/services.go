package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

// The names of the services, from the samples and the cluster's region. The proxy directs them to the simulators.
const (
	capHost = "cap.example.ic.gov"
	stsHost = "sts.us-iso-east-1.c2s.ic.gov"
	region  = "us-iso-east-1"
)

// capLifetime is how long CAP's credentials live instead of an hour: a refresh is due after about half of it.
const capLifetime = 30 * time.Second

// capCanary is in every secret that CAP issues.
const capCanary = "cApDeMoCaNaRy"

// startServices starts everything outside of the cluster.
func (w *world) startServices(context.Context) error {
	ca, err := simtls.NewCA("credential-rotation-operator demo")
	if err != nil {
		return err
	}
	if err := w.startOCM(ca); err != nil {
		return err
	}
	if w.registries, err = registry.New(registry.Options{CA: ca, Directory: w.ocm}); err != nil {
		return err
	}
	if err := w.registries.Start(); err != nil {
		return err
	}
	w.later(func() error { w.registries.Close(); return nil })
	if err := w.startCAP(ca); err != nil {
		return err
	}
	w.proxy = proxy.New(w.registries.Routes(), w.ocm.Routes(), map[string]string{
		capHost + ":443": strings.TrimPrefix(w.cap.URL(), "https://"),
		stsHost + ":443": strings.TrimPrefix(w.sts.URL(), "https://"),
	})
	w.later(func() error { w.proxy.Close(); return nil })
	if err := w.proxy.Start(); err != nil {
		return err
	}
	w.ledger = newLedger(w)
	return nil
}

// startOCM starts OCM with an account that has this cluster and two others.
func (w *world) startOCM(ca *simtls.CA) error {
	var err error
	if w.ocm, err = ocm.New(ocm.Options{CA: ca, PresentStamps: true}); err != nil {
		return err
	}
	if err := w.ocm.Start(); err != nil {
		return err
	}
	w.later(func() error { w.ocm.Close(); return nil })
	w.account = w.ocm.AddAccount(ocm.AccountSpec{Username: "platform-team"})
	if w.before, err = w.installed(w.ocm.PullSecret(w.account.ID)); err != nil {
		return err
	}
	w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{ID: harness.DefaultClusterID, Name: "this-cluster", Token: w.clusterToken})
	for _, c := range []struct {
		name, who string
		mode      ocm.Mode
	}{
		{"edge-paris", "its administrator, by hand", ocm.SwitchesSoon},
		{"lab-berlin", "its insights-operator, which polls every 12 hours", ocm.InsightsOperator},
	} {
		id := w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{Name: c.name, Mode: c.mode})
		w.siblings = append(w.siblings, sibling{id, c.name, c.who})
	}
	return nil
}

// startCAP starts CAP as the sample expects it, and STS, which knows CAP's keys.
func (w *world) startCAP(ca *simtls.CA) error {
	var err error
	w.cap, err = cap.New(cap.Options{
		CA: ca, Hosts: []string{capHost, "127.0.0.1"}, Agency: "EXAMPLE", Mission: "openshift",
		Roles: map[string]string{machineRole: "111111111111", platformRole: "222222222222"}, Canary: capCanary,
		Settings: cap.Settings{Lifetime: simctl.Duration(capLifetime)}, ControlAddress: "127.0.0.1:0",
	})
	if err != nil {
		return err
	}
	if err := w.cap.Start(); err != nil {
		return err
	}
	w.later(func() error { w.cap.Close(); return nil })
	if w.sts, err = sts.New(sts.Options{CA: ca, Hosts: []string{stsHost, "127.0.0.1"}, Region: region, Keys: w.cap,
		ControlAddress: "127.0.0.1:0"}); err != nil {
		return err
	}
	if err := w.sts.Start(); err != nil {
		return err
	}
	w.later(func() error { w.sts.Close(); return nil })
	return nil
}

// addImages adds the images that are used to verify credentials to the registries. It returns the release image.
func (w *world) addImages() (string, error) {
	const release = "openshift-release-dev/ocp-release"
	digest, err := w.registries.AddImage(registry.Quay, release, "4.20.1-x86_64", registry.Subscribers)
	if err != nil {
		return "", err
	}
	if _, err := w.registries.AddImage(registry.RedHatRegistry, "ubi8/ubi", "latest", registry.Subscribers); err != nil {
		return "", err
	}
	return registry.Quay + "/" + release + "@" + digest, nil
}

// writeTrustBundle writes the cluster's trust bundle: the CA of the services behind the proxy.
func (w *world) writeTrustBundle(dir string) (string, error) {
	path := filepath.Join(dir, "ca-bundle.crt")
	return path, os.WriteFile(path, w.ocm.CA().PEM(), 0o600)
}

// The entries of the pull secret that the account did not issue.
const (
	mirror = "mirror.example.com:5000"
	team   = "quay.io/platform-team"
)

// installed is the pull secret some time after the installation: the account's entries, out of order, with a mirror and a robot account of the
// team between them.
func (w *world) installed(issued []byte) ([]byte, error) {
	var d struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if err := json.Unmarshal(issued, &d); err != nil {
		return nil, err
	}
	foreign := func(user string) []byte {
		password := "demo-" + strings.ToLower(rand.Text())
		w.own["the password of "+user] = password
		auth, _ := json.Marshal([]byte(user + ":" + password)) // bytes marshal to base64
		return fmt.Appendf(nil, `{"auth": %s}`, auth)
	}
	d.Auths[mirror], d.Auths[team] = foreign("mirror"), foreign("platform-team+puller")
	var b strings.Builder
	b.WriteString("{\n  \"auths\": {")
	for i, name := range []string{mirror, ocm.RedHatRegistry, ocm.Quay, team, ocm.CloudOpenShift, ocm.RedHatConnect} {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n    %q: %s", name, d.Auths[name])
	}
	b.WriteString("\n  },\n  \"credHelpers\": {\"registry.example.com\": \"example\"}\n}\n")
	return []byte(b.String()), nil
}
