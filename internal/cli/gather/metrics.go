package gather

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	serviceCA      = "/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt"
	metricsPort    = "8443"
	metricsTimeout = 15 * time.Second
	metricsLimit   = 20 << 20
)

// metricsReader asks each pod, as Prometheus does. It works only inside a pod, and only with the CA of services: its token can be an
// administrator's, and must reach only the operator.
func metricsReader(serviceCA, tokenFile string) func(context.Context, *corev1.Pod) ([]byte, error) {
	ca, err := os.ReadFile(serviceCA)
	if err != nil || tokenFile == "" {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil
	}
	return func(ctx context.Context, pod *corev1.Pod) ([]byte, error) {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		server := product + "-metrics." + pod.Namespace + ".svc"
		return readMetrics(ctx, net.JoinHostPort(pod.Status.PodIP, metricsPort), server, string(token), pool)
	}
}

func readMetrics(ctx context.Context, address, server, token string, pool *x509.CertPool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: server, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	response, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the operator answers %s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, metricsLimit))
}
