// Package stage is what the histories of both kinds play on: a world of clusters, each with an API server in memory, people, and replicas of the
// operator as processes, which watch late, see old states, are disturbed at an effect, stand still, die and follow each other.
//
// A kind brings its services, its objects, what people do, and what must hold (Kind, Play).
package stage
