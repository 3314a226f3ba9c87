package t

by_name[name] = image {
	c := input.request.object.spec.containers[_]
	name := c.name
	image := c.image
}

ports[p] { p := input.request.object.spec.containers[_].ports[_].containerPort }

low[p] { p := ports[_]; p < 1024 }

bad { by_name[_] == "nginx" }

bad { low[_] }
