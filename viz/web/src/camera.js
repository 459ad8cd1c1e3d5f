// One camera for all panels: parallel projection, fitted to the box that is drawn.
import { OrthographicCamera, Vector3 } from "three";

export const HOME = { azimuth: -58, elevation: 40, zoom: 1, across: 0, up: 0 };

export class View {
  constructor() {
    this.camera = new OrthographicCamera(-1, 1, 1, -1, 0.1, 40);
    this.reset();
  }

  reset() {
    Object.assign(this, HOME);
  }

  /** Turn by degrees; the camera stays above the plane. */
  turn(azimuth, elevation) {
    this.azimuth = ((this.azimuth + azimuth + 540) % 360) - 180;
    this.elevation = Math.min(Math.max(this.elevation + elevation, 4), 90);
  }

  magnify(factor) {
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.4), 40);
  }

  /** Unit vectors (right, up, towards the viewer); azimuth counts from the alpha axis. */
  axes() {
    const [a, e] = [(this.azimuth * Math.PI) / 180, (this.elevation * Math.PI) / 180];
    const towards = new Vector3(Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e));
    const right = new Vector3(-Math.sin(a), Math.cos(a), 0);
    return [right, new Vector3().crossVectors(towards, right), towards];
  }

  /** Point the camera so that a box fits into so many pixels, with room for labels. */
  aim(box, width, height, room = width < 420 ? { side: 40, top: 26, bottom: 30 } : { side: 66, top: 46, bottom: 58 }) {
    const [right, up, towards] = this.axes();
    // The cylinder around the box, so that nothing grows or shrinks while it turns.
    const radius = Math.hypot(box.x, box.y);
    const tilt = (this.elevation * Math.PI) / 180;
    const tall = 2 * radius * Math.sin(tilt) + (box.z - box.low) * Math.cos(tilt);
    const unitsPerPixel =
      Math.max(
        (2 * radius) / Math.max(width - 2 * room.side, 60),
        tall / Math.max(height - room.top - room.bottom, 60),
      ) / this.zoom;
    this.unitsPerPixel = unitsPerPixel;
    const centre = new Vector3(0, 0, (box.z + box.low) / 2)
      .addScaledVector(right, this.across)
      .addScaledVector(up, this.up - ((room.bottom - room.top) / 2) * unitsPerPixel);
    const camera = this.camera;
    [camera.left, camera.right] = [(-width / 2) * unitsPerPixel, (width / 2) * unitsPerPixel];
    [camera.bottom, camera.top] = [(-height / 2) * unitsPerPixel, (height / 2) * unitsPerPixel];
    camera.position.copy(centre).addScaledVector(towards, 20);
    camera.up.copy(up);
    camera.lookAt(centre);
    camera.updateProjectionMatrix();
    camera.updateMatrixWorld();
  }

  /** Where a point lies in a panel, in pixels from its upper left corner. */
  project(point, width, height) {
    const place = point.clone().project(this.camera);
    return [((place.x + 1) / 2) * width, ((1 - place.y) / 2) * height];
  }

  /** Start and direction of the line of sight through a pixel of a panel. */
  ray(x, y, width, height) {
    const origin = new Vector3((2 * x) / width - 1, 1 - (2 * y) / height, -1).unproject(this.camera);
    return [origin, this.axes()[2].negate()];
  }
}

/** The box of a panel: -x..x, -y..y, low..z. */
export class Box {
  constructor(x, y, z, low = 0) {
    Object.assign(this, { x, y, z, low });
  }

  union(other) {
    return new Box(Math.max(this.x, other.x), Math.max(this.y, other.y), Math.max(this.z, other.z), Math.min(this.low, other.low));
  }
}
