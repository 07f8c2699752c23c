package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// words is one turn in a line, as progress.
func (t turn) words() string {
	var parts []string
	for _, name := range []phase{fill, refresh} {
		for _, c := range t.costs[name] {
			parts = append(parts, fmt.Sprintf("%s %.2f s, CPU %.2f s", name, c.wall.Seconds(), c.all().Seconds()))
		}
	}
	return strings.Join(parts, "; ") + fmt.Sprintf("; %s, at most %s", mib(t.steady), mib(t.peak))
}

// table compares the programs with the first one.
func table(s *scene, all []program, results map[string][]turn) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %d Secrets of %d roles, %d foreign Secrets\n\n", s.secrets, s.roles(), s.foreign)
	b.WriteString("| What | Program | Wall | CPU: own | kube-apiserver | etcd | all | CPU to the least | Wall to the least |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, name := range []phase{fill, refresh} {
		for _, p := range all {
			mine, least := costs(results[p.name], name), costs(results[all[0].name], name)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", name, p.name,
				seconds(mine, func(c cost) time.Duration { return c.wall }), seconds(mine, of(own)), seconds(mine, of("kube-apiserver")), seconds(mine, of("etcd")),
				seconds(mine, cost.all), ratio(mine, least, cost.all), ratio(mine, least, func(c cost) time.Duration { return c.wall }))
		}
	}
	b.WriteString("\n| Program | Memory, steady | at most | What | Requests to the API server | CAP: requests | connections |\n|---|---|---|---|---|---|---|\n")
	for _, p := range all {
		for _, name := range []phase{fill, refresh} {
			c := costs(results[p.name], name)
			last := c[len(c)-1]
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %d |\n", p.name, memories(results[p.name], func(t turn) int64 { return t.steady }),
				memories(results[p.name], func(t turn) int64 { return t.peak }), name, counts(last.requests), last.calls, last.connections)
		}
	}
	return b.String()
}

// costs are those of a phase in all turns.
func costs(turns []turn, name phase) []cost {
	var all []cost
	for _, t := range turns {
		all = append(all, t.costs[name]...)
	}
	return all
}

func of(process string) func(cost) time.Duration {
	return func(c cost) time.Duration { return c.cpu[process] }
}

// seconds is the median.
func seconds(all []cost, what func(cost) time.Duration) string {
	values := make([]float64, 0, len(all))
	for _, c := range all {
		values = append(values, what(c).Seconds())
	}
	return fmt.Sprintf("%.2f s", median(values))
}

// ratio is the median, minimum and maximum of the ratios within each round.
func ratio(mine, least []cost, what func(cost) time.Duration) string {
	values := make([]float64, 0, len(mine))
	for i := range mine {
		values = append(values, what(mine[i]).Seconds()/what(least[i]).Seconds())
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(values), slices.Min(values), slices.Max(values))
}

func memories(all []turn, what func(turn) int64) string {
	values := make([]float64, 0, len(all))
	for _, t := range all {
		values = append(values, float64(what(t)))
	}
	return mib(int64(median(values)))
}

func mib(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }

func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// counts lists the requests, most frequent first.
func counts(requests map[string]int) string {
	names := slices.SortedFunc(maps.Keys(requests), func(a, b string) int {
		if requests[a] != requests[b] {
			return requests[b] - requests[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", requests[name], name))
	}
	return strings.Join(parts, ", ")
}
