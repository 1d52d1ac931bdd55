# Plays the demonstration: runs, jumps, shoots, talks and asks.
#
#   godot --path . -- SERVER KEY [SECONDS]
#
# With SECONDS it ends by itself, with 0 only if it entered the world, saw others, had answers, heard itself, predicted well
# and nothing failed. `godot --headless` needs no screen.
extends Node3D

@onready var client: RingshardClient = $Client
@onready var own: Node3D = $Own

var others := {}  # Nodes by the number of their entity.
var seconds := 0.0
var elapsed := 0.0
var next_turn := 0.0
var next_talk := 0.0
var direction := 0.0
var entered := false
var closed := false
var answers := 0
var unanswered := 0
var heard := 0
var most_others := 0
var walked := 0.0
var failures := 0


func _ready() -> void:
	var words := OS.get_cmdline_user_args()
	if words.size() < 2:
		push_error("Usage: godot --path . -- HOST:PORT KEY [SECONDS]")
		get_tree().quit(2)
		return
	seconds = float(words[2]) if words.size() > 2 else 0.0
	client.entered.connect(func() -> void: entered = true)
	client.refused.connect(func(reason: int) -> void: stop("refused: %d" % reason))
	client.wrong_schema.connect(func(advice: String) -> void: stop(advice))
	client.closed.connect(func(why: String) -> void: stop("closed: %s" % why))
	client.spawned.connect(_on_spawned)
	client.despawned.connect(_on_despawned)
	# The own body is drawn by the node Own.
	client.body_changed.connect(_on_despawned)
	client.moved.connect(_on_nothing_in_view)
	client.renewed.connect(_on_nothing_in_view)
	client.put_out.connect(func(_reason: int) -> void: _on_nothing_in_view())
	client.event.connect(_on_event)
	client.answered.connect(func(_ask: int, _answer: Dictionary) -> void: answers += 1)
	client.unanswered.connect(func(_ask: int, _why: String) -> void: unanswered += 1)
	if client.connect_to_server(words[0], words[1], PackedByteArray()) != OK:
		get_tree().quit(2)


func _process(delta: float) -> void:
	if closed or not client.is_in_world():
		return
	elapsed += delta
	walk()
	talk()
	draw()
	if seconds > 0.0 and elapsed >= seconds:
		closed = true
		get_tree().quit(0 if verdict() else 1)


func walk() -> void:
	if elapsed >= next_turn:
		next_turn = elapsed + 0.75
		direction = randf() * TAU
	client.set_input({"direction": direction, "pace": 1.0, "jump": fmod(elapsed, 2.0) < 0.1, "shoot": fmod(elapsed, 1.0) < 0.1})


func talk() -> void:
	if elapsed < next_talk:
		return
	next_talk = elapsed + 1.0
	if not client.tell({"kind": "say", "text": "Hello from Godot: grüß dich"}):
		failures += 1
	if client.ask({"kind": "drink"}) < 0:
		failures += 1


func draw() -> void:
	var before := own.position
	if client.has_own():
		if own.visible:
			walked += 0.0 if before == Vector3.ZERO else before.distance_to(client.own_pose().origin)
		own.transform = client.own_pose()
	for entity: int in others:
		others[entity].transform = client.pose(entity)
	most_others = maxi(most_others, client.others().size())


func _on_spawned(entity: int) -> void:
	if entity == client.body():
		return
	var mesh := MeshInstance3D.new()
	mesh.mesh = CapsuleMesh.new()
	$Others.add_child(mesh)
	others[entity] = mesh


func _on_despawned(entity: int) -> void:
	if others.has(entity):
		others[entity].queue_free()
		others.erase(entity)


# `despawned` does not follow for what was in view.
func _on_nothing_in_view() -> void:
	for entity: int in others:
		others[entity].queue_free()
	others.clear()


func _on_event(event: Dictionary) -> void:
	if event.kind == "said" and event.by == client.body():
		heard += 1


func stop(why: String) -> void:
	if closed:
		return
	closed = true
	printerr("play: ", why)
	get_tree().quit(1)


func verdict() -> bool:
	var stats := client.stats()
	print(stats)
	print("others at most %d, answers %d, unanswered %d, heard %d, walked %.1f m, failures %d"
			% [most_others, answers, unanswered, heard, walked, failures])
	var predicts: bool = stats.predicted > 0 and stats.mispredicted * 10 <= stats.predicted
	var well_formed: bool = stats.snapshots_refused == 0 and stats.malformed == 0
	var good := (entered and most_others > 0 and answers > 0 and unanswered == 0 and heard > 0 and walked > 1.0
			and failures == 0 and predicts and well_formed)
	print("passed" if good else "FAILED")
	return good
