package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// This file shows the pull secret by the names of its entries, never by their values.

// document is the cluster's pull secret as it is now.
func (w *world) document(ctx context.Context) ([]byte, error) {
	s := &corev1.Secret{}
	err := w.cp.Client.Get(ctx, client.ObjectKey{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}, s)
	return s.Data[corev1.DockerConfigJsonKey], err
}

// clusterToken is the token in the current pull secret, which this cluster's telemetry uses.
func (w *world) clusterToken() string {
	document, err := w.document(context.Background())
	if err != nil {
		return "" // the API server is ending, and so is the demo
	}
	return authOf(document, ocm.CloudOpenShift)
}

// authOf is the auth of an entry.
func authOf(document []byte, name string) string {
	var d struct {
		Auths map[string]struct {
			Auth string `json:"auth"`
		} `json:"auths"`
	}
	if json.Unmarshal(document, &d) != nil {
		return ""
	}
	return d.Auths[name].Auth
}

// comparison is the difference of two pull secrets.
type comparison struct {
	// Changed and Kept are names of entries, in the order of the document.
	Changed, Kept []string
	// Else is true if any other byte than the auths of the changed entries differs.
	Else bool
}

func compare(before, after []byte) (comparison, error) {
	old, err := pullsecret.Parse(before)
	if err != nil {
		return comparison{}, fmt.Errorf("the pull secret from before: %w", err)
	}
	var c comparison
	expected := before
	for _, name := range old.Registries() {
		was, is := authOf(before, name), authOf(after, name)
		if was == is {
			c.Kept = append(c.Kept, name)
			continue
		}
		c.Changed = append(c.Changed, name)
		// Two entries may share one credential, and then both are replaced at once.
		expected = bytes.ReplaceAll(expected, []byte(was), []byte(is))
	}
	c.Else = !bytes.Equal(expected, after)
	return c, nil
}

// probe asks a registry, as a kubelet would, whether it accepts an entry of a pull secret.
func (w *world) probe(ctx context.Context, document []byte, name string) (registry.Result, error) {
	d, err := pullsecret.Parse(document)
	if err != nil {
		return registry.Result{}, err
	}
	entry, _ := d.Entry(name)
	through, err := url.Parse(w.proxy.URL())
	if err != nil {
		return registry.Result{}, err
	}
	p := &registry.Prober{Transport: &http.Transport{
		Proxy:             http.ProxyURL(through),
		TLSClientConfig:   &tls.Config{RootCAs: w.ocm.CA().Pool(), MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}
	defer w.ledger.skip(serviceRegistries)
	return p.Check(ctx, registry.Check{Registry: name, Username: entry.Username, Password: entry.Password}), nil
}

// alive is what the directory of valid credentials says, by the entry's name.
func (w *world) alive(document []byte, name string) bool {
	d, err := pullsecret.Parse(document)
	if err != nil {
		return false
	}
	entry, ok := d.Entry(name)
	return ok && w.ocm.Alive(name, entry.Username, entry.Password)
}

// accountsEntries are the account's entries, in the order of the document.
func accountsEntries(document []byte) (own, foreign []string, err error) {
	d, err := pullsecret.Parse(document)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range d.Registries() {
		if slices.Contains(ocm.Registries, name) {
			own = append(own, name)
		} else {
			foreign = append(foreign, name)
		}
	}
	return own, foreign, nil
}

func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
