package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// InsightsFieldManager is the field manager of the fake's writes.
const InsightsFieldManager = "insights-operator"

// insightsEndpoint is insights-operator's URL, exactly as in its config/pod.yaml; it appends "?search=".
const insightsEndpoint = "https://api.openshift.com/api/accounts_mgmt/v1/cluster_transfers/"

// InsightsOperator fakes the insights-operator's handling of pull secrets: with the cluster's own token it looks for an accepted transfer of this
// cluster, and merges the secret of a single one into openshift-config/pull-secret (RFC 7386), without verifying the credentials. It writes
// JSON with sorted keys. Source: openshift/insights-operator, pkg/ocm/clustertransfer. The real one polls every 12 hours.
type InsightsOperator struct {
	client client.Client
	http   *http.Client
	every  time.Duration

	mu      sync.Mutex
	updates int
	last    error

	cancel context.CancelFunc
	done   chan struct{}
}

// StartInsightsOperator starts the fake, which polls OCM by its real name, first at once. The name is directed to ocmURL, as by a
// proxy.
func StartInsightsOperator(ctx context.Context, c client.Client, ocmURL string, roots *x509.CertPool, every time.Duration) *InsightsOperator {
	i := &InsightsOperator{
		client: c, every: every, done: make(chan struct{}),
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var dialer net.Dialer
				return dialer.DialContext(ctx, network, strings.TrimPrefix(ocmURL, "https://"))
			},
		}},
	}
	ctx, i.cancel = context.WithCancel(ctx)
	go i.run(ctx)
	return i
}

// Stop ends the fake and returns the error of its last round.
func (i *InsightsOperator) Stop() error {
	i.cancel()
	<-i.done
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.last
}

// Updates counts its writes.
func (i *InsightsOperator) Updates() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.updates
}

func (i *InsightsOperator) run(ctx context.Context) {
	defer close(i.done)
	ticker := time.NewTicker(i.every)
	defer ticker.Stop()
	for {
		updated, err := i.look(ctx)
		if ctx.Err() == nil {
			i.mu.Lock()
			i.last = err
			if updated {
				i.updates++
			}
			i.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look is one round; it reports whether it wrote.
func (i *InsightsOperator) look(ctx context.Context) (bool, error) {
	version := &configv1.ClusterVersion{}
	if err := i.client.Get(ctx, client.ObjectKey{Name: "version"}, version); err != nil {
		return false, err
	}
	secret := &corev1.Secret{}
	if err := i.client.Get(ctx, client.ObjectKey{Namespace: PullSecretNamespace, Name: PullSecretName}, secret); err != nil {
		return false, err
	}
	var current map[string]any
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &current); err != nil {
		return false, errors.New("the pull secret is not JSON")
	}
	issued, err := i.transferred(ctx, string(version.Spec.ClusterID), cloudToken(secret.Data[corev1.DockerConfigJsonKey]))
	if err != nil || issued == nil {
		return false, err
	}
	if holds(current, issued) {
		return false, nil
	}
	merged, err := json.Marshal(mergePatch(current, issued))
	if err != nil {
		return false, err
	}
	secret.Data[corev1.DockerConfigJsonKey] = merged
	err = i.client.Update(ctx, secret, client.FieldOwner(InsightsFieldManager))
	if apierrors.IsConflict(err) {
		return false, nil // Another writer was faster; the next round retries.
	}
	return err == nil, err
}

// transferred is the document of the cluster's only accepted transfer; nil if there is none.
func (i *InsightsOperator) transferred(ctx context.Context, clusterID, token string) (map[string]any, error) {
	query := url.Values{"search": {fmt.Sprintf("cluster_uuid is '%s' and status is 'accepted'", clusterID)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, insightsEndpoint+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "AccessToken "+clusterID+":"+token)
	resp, err := i.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent:
		return nil, nil
	default:
		return nil, fmt.Errorf("OCM responded with %s", resp.Status)
	}
	var list struct {
		Items []struct{ Secret json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, errors.New("OCM's list of transfers is not JSON")
	}
	switch len(list.Items) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, errors.New("MoreAcceptedClusterTransfers")
	}
	return document(list.Items[0].Secret)
}

// document reads the secret of a transfer, which is a JSON document in a JSON string.
func document(raw json.RawMessage) (map[string]any, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		raw = []byte(text)
	}
	var d map[string]any
	if err := json.Unmarshal(bytes.TrimSpace(raw), &d); err != nil {
		return nil, errors.New("DataCorrupted")
	}
	return d, nil
}

func cloudToken(pullSecret []byte) string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	// It was just parsed as valid JSON.
	_ = json.Unmarshal(pullSecret, &d)
	return d.Auths["cloud.openshift.com"].Auth
}

// mergePatch merges by RFC 7386; there are no nulls in a pull secret.
func mergePatch(target, patch map[string]any) map[string]any {
	for key, value := range patch {
		inner, both := value.(map[string]any)
		if old, ok := target[key].(map[string]any); ok && both {
			target[key] = mergePatch(old, inner)
		} else {
			target[key] = value
		}
	}
	return target
}

// holds is true if the target contains everything in the patch.
func holds(target, patch map[string]any) bool {
	for key, value := range patch {
		inner, both := value.(map[string]any)
		if old, ok := target[key].(map[string]any); ok && both {
			if !holds(old, inner) {
				return false
			}
		} else if !reflect.DeepEqual(target[key], value) {
			return false
		}
	}
	return true
}
