package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"

	"k8s.io/client-go/kubernetes"
)

// sample is a line of the API server's metrics: completed requests and open watches.
var (
	sample = regexp.MustCompile(`(?m)^(apiserver_request_total|apiserver_longrunning_requests)\{(.*)\} (\S+)$`)
	label  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// shown are the resources that the programs use. Other requests are the API server's own.
var shown = map[string]bool{"secrets": true, "capcredentialsets": true, "events": true, "configmaps": true, "credentialsrequests": true, "namespaces": true}

// requests counts the requests since the API server started, by verb and resource, and the open watches.
func (s *scene) requests(ctx context.Context) (map[string]int, error) {
	client, err := kubernetes.NewForConfig(s.cp.Admin)
	if err != nil {
		return nil, err
	}
	text, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	return counted(text), nil
}

// counted sums up the samples.
func counted(text []byte) map[string]int {
	all := map[string]int{}
	for _, m := range sample.FindAllSubmatch(bytes.TrimSpace(text), -1) {
		labels := map[string]string{}
		for _, l := range label.FindAllSubmatch(m[2], -1) {
			labels[string(l[1])] = string(l[2])
		}
		value, err := strconv.ParseFloat(string(m[3]), 64)
		if err != nil || !shown[labels["resource"]] {
			continue
		}
		what := labels["resource"]
		if labels["subresource"] != "" {
			what += "/" + labels["subresource"]
		}
		all[labels["verb"]+" "+what] += int(value)
	}
	return all
}
