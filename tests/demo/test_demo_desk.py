"""The demo city's desk: people, procedures and a running shift, once however often it starts."""

from dothi.automation.alarms.alarms import Alarms
from dothi.automation.shifts.desk import ShiftDesk
from dothi.demo.desk import PEOPLE, fill_desk
from dothi.model.aliases import Aliases
from dothi.model.context import core_context
from dothi.storage.sqlite import SqliteStore


async def test_the_demo_desk_is_manned_and_filled_once(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    alarms = Alarms(store, Aliases(core_context(), ()))
    await alarms.open()
    desk = ShiftDesk(store, alarms)
    await desk.open()
    for _ in range(2):
        await fill_desk(desk)
    assert len(await desk.roster.operators()) == len(PEOPLE) == 14
    assert len(desk.books.find()) == 5
    board = await desk.shifts.board()
    assert board.current is not None
    assert board.next is not None
    assert set(await desk.roster.on_duty()) == {board.current.lead, *board.current.people}
    calendar = await desk.calendar(desk.now(), desk.now() + 3_600_000_000)
    assert calendar.gaps == []
    alarms.close()
    await store.close()
